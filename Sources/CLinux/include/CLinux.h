// The Linux calls that Swift's Glibc module does not show, one header a topic.
//
// Every function returns a non-negative result, or -errno. No header needs _GNU_SOURCE: the module is compiled with
// Swift's flags; the .c files define it.
#ifndef ROCK_CLINUX_H
#define ROCK_CLINUX_H

#include "affinity.h"
#include "attributes.h"
#include "events.h"
#include "files.h"
#include "guest.h"
#include "jail.h"
#include "network.h"
#include "process.h"
#include "terminal.h"
#include "zygote.h"

#endif
