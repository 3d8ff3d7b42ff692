// Pseudo-terminals.
#ifndef ROCK_CLINUX_TERMINAL_H
#define ROCK_CLINUX_TERMINAL_H

#include <stddef.h>
#include <sys/types.h>

// Opens the controlling side of a new pseudo-terminal: close-on-exec, nobody's controlling terminal.
int rock_terminal_open(void);

// Opens the programs' side of the pseudo-terminal behind `controller`: close-on-exec, nobody's controlling terminal.
int rock_terminal_open_peer(int controller, int nonblocking);

// Sets the size in characters; programs in the foreground are told.
int rock_terminal_resize(int controller, unsigned rows, unsigned columns);

// The process group in the foreground; 0 when there is none.
pid_t rock_terminal_foreground(int controller);

// Lines, signals and line ends as a program expects them of a terminal, whatever the last one has left; `echoes` says
// whether input is shown. Does nothing where it is so already.
int rock_terminal_make_sane(int peer, int echoes);

// Forgets input that nobody has read, and lets output go on that was stopped (^S).
int rock_terminal_clear(int peer);

// Gives the terminal to a user, as a login does.
int rock_terminal_give(int peer, uid_t user);

#endif
