// Readiness, signals and children as events: epoll, eventfd, signalfd, pidfd, accept4.
#ifndef ROCK_CLINUX_EVENTS_H
#define ROCK_CLINUX_EVENTS_H

#endif
