// How bytes come and go. Nothing here knows what they mean.
//
//   EventLoop/   one thread that waits for descriptors, timers and jobs; a `TaskExecutor`
//   System/      descriptors with one owner, failed system calls, signals, children, blocking work
