import GEM
import Glibc
import Transport

/// What the server says about itself and the machine it is process 1 of.
struct SystemService: Service {
    private let context: ServerContext
    private let usage = MachineUsage()

    init(_ context: ServerContext) {
        self.context = context
    }

    var routes: [Route] {
        [
            Route("GET", "/") { _ in
                .json { json in
                    json.name("message")
                    json.string("hello world")
                }
            },
            Route("GET", "/is_alive") { _ in
                .json { json in
                    json.name("is_alive")
                    json.bool(true)
                    json.name("message")
                    json.string("")
                }
            },
            Route("GET", "/get_statistics") { _ in
                let now = usage.look()
                return .json { json in
                    json.name("cpu")
                    json.double(now.processor)
                    json.name("mem")
                    json.double(now.memory)
                    json.name("disk")
                    json.double(now.disk)
                    json.name("net")
                    json.integer(now.networkBytes)
                }
            },
            Route("GET", "/log") { [log = context.log] _ in
                HTTPResponse(
                    .ok, headers: [HTTPField("Content-Type", "text/plain; charset=utf-8")], body: .bytes(log.bytes))
            },
            Route("GET", "/log/follow") { [log = context.log] _ in
                .webSocket { socket in await Self.follow(log, socket) }
            },
            Route("GET", "/processes") { _ in
                let processes = ProcessTable.all()
                return .json { json in
                    json.name("processes")
                    json.beginArray()
                    for process in processes { process.write(to: &json) }
                    json.endArray()
                }
            },
        ]
    }

    func shutDown() async { context.log.endFollowing() }

    /// Sends what was said and each line as it is said, until the server or the client goes.
    private static func follow(_ log: ServerLog, _ socket: WebSocket) async {
        guard let (past, lines) = log.follow() else { return socket.close(.policyViolation) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    if !past.isEmpty { try await socket.send(binary: past) }
                    for await line in lines { try await socket.send(binary: line) }
                    socket.close(.goingAway)
                } catch {
                    // The client has gone, which the reader below sees, too.
                }
            }
            // Nothing is expected; but only who reads sees the end.
            do { for try await _ in socket {} } catch {}
            group.cancelAll()
        }
    }
}
