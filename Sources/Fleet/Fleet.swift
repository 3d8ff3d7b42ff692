// One connection between a host and its Admin that carries everything between them.
//
// The host dials, so it can live behind a router that lets nobody in. What it dials is HTTP/1.1, `GET /hosts/link` with
// `Upgrade: rock-link`; behind the answer 101 both sides send frames:
//
//     kind (1 byte) | length (3) | stream (4) | payload        numbers most significant byte first
//
//   Frames/   what travels: frames as bytes, and bytes as frames; pure
//   Link/     many streams over one connection: LinkStreams is what each frame means, without a socket; Link is the connection
//
// Each stream joins two sockets as if they were one: at the end that opens it, a new socket; at the other end, whatever its
// name stands for there. So both ends use the HTTP server, the HTTP client, WebSockets and tunnels that they have anyway. Each
// stream has a window: its sender sends no more than the receiver has room for, and one whose receiver does not read holds
// up nobody else. Streams that have something to send take turns, a frame each.

/// The names that both ends know a link's streams by.
package enum LinkTarget {
    /// The host's own HTTP server.
    package static let control = "control"
    /// What happens on the host, as lines of JSON; opened by the host.
    package static let changes = "changes"
    /// The rocklet in a sandbox; behind the slash stands the sandbox's id.
    package static let agent = "agent/"
    /// A port of a sandbox's loopback; behind the slash stand the sandbox's id, another slash and the port.
    package static let port = "port/"
}
