/* A stranger's program: knows only what is installed. */
#include <stdio.h>
#include <wrenn/wrenn.h>

int main(void) {
    puts(wrenn_version());
    return 0;
}
