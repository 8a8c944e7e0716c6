/* The builtin command that connects to a port: its stdin goes to the server, what that sends becomes its stdout. */
#pragma once

/* argv: its name, the port. 0 when the server has ended the connection; ECONNREFUSED when nothing listens. */
int builtin_relay(char **argv);
