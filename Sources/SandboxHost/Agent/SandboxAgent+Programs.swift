package import GEM
import Glibc
package import Transport

/// What program is to run inside, and as whom.
package struct AgentOrder: Sendable, Equatable {
    /// The arguments, the program's name first; looked for in `PATH` where the name has no slash.
    package var command: [String]
    /// On top of the image's variables.
    package var variables: [String: String] = [:]
    /// Where it starts; `nil` for the rocklet's own folder.
    package var directory: String?
    /// A user of the sandbox by name or as `uid:gid`.
    package var user: String

    package init(command: [String], user: String) {
        (self.command, self.user) = (command, user)
    }
}

/// How a program inside ended, and the last that it wrote to its standard error.
package struct AgentProgramEnd: Sendable, Equatable {
    /// Its exit status; `nil` where a signal ended it.
    package var exitCode: Int?
    package var signal: Int?
    /// Whether it ended by itself rather than because it was told to.
    package var isOwn: Bool
    /// At most 32 KiB.
    package var errors: [UInt8]
}

/// A program inside a sandbox whose standard input and output are a socket of this process's: what both say passes through
/// nobody. The program ends with this value, and with this process.
package final class AgentProgram: Sendable {
    private let agent: SandboxAgent
    /// Its end is the program's.
    private let life: PacketSocket

    fileprivate init(_ agent: SandboxAgent, _ life: PacketSocket) {
        (self.agent, self.life) = (agent, life)
    }

    deinit { close() }

    /// Ends the program without waiting for it.
    package func close() { life.loop.execute { [life] in life.close() } }

    /// Ends the program unless it ends by itself within `grace`, which is at most ten seconds, and says how it ended.
    ///
    /// - Throws: ``Failure`` where the rocklet does not answer.
    package func end(within grace: Duration) async throws(Failure) -> AgentProgramEnd {
        let milliseconds = Int(grace / .milliseconds(1))
        let reply = try await agent.askAboutProgram(
            ["end": ["grace_ms": .number(.init(milliseconds))]], grace + .seconds(10))
        guard let ended = reply["ended"], let errors = ended["log"]?.string.flatMap({ Base64.decode(Array($0.utf8)) })
        else { throw agent.suspect("a program's end that cannot be read") }
        return AgentProgramEnd(
            exitCode: ended["exit_code"]?.int, signal: ended["signal"]?.int, isOwn: ended["by_itself"]?.bool ?? false,
            errors: errors)
    }

    /// The last that the program has written to its standard error, at most 32 KiB.
    ///
    /// - Throws: ``Failure`` where the rocklet does not answer.
    package func errors() async throws(Failure) -> [UInt8] {
        let reply = try await agent.askAboutProgram(["errors": [:]], .seconds(10))
        guard let errors = reply["errors"]?["log"]?.string.flatMap({ Base64.decode(Array($0.utf8)) }) else {
            throw agent.suspect("a program's errors that cannot be read")
        }
        return errors
    }
}

extension SandboxAgent {
    /// Starts a program and hands out the other end of its standard input and output.
    ///
    /// - Parameters:
    ///   - order: What to run.
    ///   - timeout: How long the start may take; that the program runs does not say that it is ready.
    /// - Returns: The program, and a non-blocking stream socket.
    /// - Throws: ``Failure``: `notFound` where there is no such program, `invalidArgument` for what cannot be run; as
    ///   ``call(_:_:body:timeout:limit:)``.
    package func run(
        _ order: AgentOrder, timeout: Duration = .seconds(30)
    ) async throws(Failure) -> (program: AgentProgram, socket: OpenFile) {
        let (own, theirs) = try Self.socketPair()
        var run: JSON.Object = [
            "command": .array(order.command.map(JSON.string)), "user": .string(order.user),
        ]
        var variables = JSON.Object()
        for (name, value) in order.variables.sorted(by: { $0.key < $1.key }) { variables[name] = .string(value) }
        run["env"] = .object(variables)
        run["cwd"] = order.directory.map(JSON.string)
        let what = "to run \(order.command.first ?? "nothing")"
        let life = try await descriptors(what)
        do throws(Failure) {
            let reply = try await ask(["run": .object(run)], over: life, what, timeout, passing: theirs.rawValue)
            guard reply.json["running"] != nil else { throw suspect("something else than a running program") }
        } catch {
            life.loop.execute { life.close() }
            throw error
        }
        withExtendedLifetime(theirs) {}
        return (AgentProgram(self, life), own)
    }

    /// Asks over a connection of its own, which may come while another waits.
    fileprivate func askAboutProgram(_ request: JSON, _ timeout: Duration) async throws(Failure) -> JSON {
        let connection = try await descriptors("about its program")
        defer { connection.loop.execute { connection.close() } }
        return try await ask(request, over: connection, "about its program", timeout).json
    }

    /// The first end does not block; the second is for a program, which expects that it does.
    private static func socketPair() throws(Failure) -> (own: OpenFile, theirs: OpenFile) {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw Failure(
                .infraFailed, "No socket for a program could be made: \(SystemCallError("socketpair", errno: errno)).")
        }
        let pair = (OpenFile(OwnedDescriptor(ends[0])), OpenFile(OwnedDescriptor(ends[1])))
        guard fcntl(ends[0], F_SETFL, fcntl(ends[0], F_GETFL) | O_NONBLOCK) == 0 else {
            throw Failure(.infraFailed, "A program's socket cannot be used: \(SystemCallError("fcntl", errno: errno)).")
        }
        return pair
    }
}
