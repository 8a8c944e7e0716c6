#include "server/server.h"

int main(int argc, char **argv) {
    static const wrn_platform platform = {&wrn_backend_ns,      wrn_backend_ns_doctor, wrn_backend_ns_leaks,
                                          wrn_backend_ns_build, wrn_backend_ns_remove, wrn_backend_ns_list};
    return wrn_server_main(argc, argv, &platform);
}
