/* The half of the gate that reads the sandbox's frames. It can open no socket. Does not return: the process ends with the broker. */
#pragma once

#include "gate/gate.h"

/* What needs more than the jail allows: false when there is no memory. */
bool stack_init(const gate_options *options, int broker);
/* Takes the link to the sandbox. False when it is no descriptor. */
bool stack_link(int link, const seam_link *how);
/* One frame of the sandbox. */
void stack_frame(uint8_t *bytes, size_t size);
/* Waits for events once, and handles them. False when the broker or the link is gone. */
bool stack_turn(void);
_Noreturn void stack_run(const gate_options *options, int broker);
