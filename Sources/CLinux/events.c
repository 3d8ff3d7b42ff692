#define _GNU_SOURCE
#include "events.h"
