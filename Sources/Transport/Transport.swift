// How bytes come and go. Nothing here knows what they mean.
//
//   EventLoop/   one thread that waits for descriptors, timers and jobs; a `TaskExecutor`
//   System/      descriptors with one owner, failed system calls, signals, children, blocking work
//   Sockets/     addresses, listeners, one connected socket, what is sent over it by several tasks
//   Lines/       connections that carry lines: for local clients, and between host and sandbox
//   HTTP/        the HTTP/1.1 server; parsers are pure: bytes in, events out
//   WebSocket/   both ends of RFC 6455; the decoder is pure, too
//   Files/       contents of files between descriptors, with flat memory
//   Proxy/       requests passed on, bytes both ways
//   Client/      a small HTTP client that keeps its connections
