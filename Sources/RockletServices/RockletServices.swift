// What happens inside a sandbox that has a root filesystem.
//
//   Server/     process 1 of the sandbox: its HTTP server, its children, its end
//   Sessions/   bash on a pseudo-terminal
//   Exec/       programs without a terminal
//   Files/      reading, writing, listing, archives
//   Ports/      ways to what listens inside
