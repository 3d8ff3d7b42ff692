// Work that keeps a machine with sandboxes healthy: done on that machine, ordered by whoever schedules it.
//
//   Worker/     a machine that carries out orders; this one, and what it works with
//   Tasks/      what can be ordered, one file each
//
// When a task runs, and where, is decided elsewhere: see Sources/Admin/Scheduler.
