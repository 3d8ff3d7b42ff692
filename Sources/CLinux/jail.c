#define _GNU_SOURCE
#include "jail.h"
