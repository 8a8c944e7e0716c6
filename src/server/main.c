#include "server/server.h"

int main(int argc, char **argv) { return wrn_server_main(argc, argv); }
