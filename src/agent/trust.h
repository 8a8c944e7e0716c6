/* Whom programs in a virtual machine trust. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Adds a certificate, as PEM, to those that the template trusts. Commands are told where the list is. False with errno. */
bool trust_add(const void *certificate, size_t size);
