#include "daemon.h"

TEST_MAIN
