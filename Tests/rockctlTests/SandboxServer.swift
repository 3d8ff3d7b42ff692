import Foundation
import Glibc
import Testing

/// A server with a data directory of its own; both go with the value, and every sandbox before them.
final class SandboxServer {
    let directory: String
    let variables: [String: String]

    /// - Parameter settings: Lines of a configuration file.
    /// - Throws: What kept it from starting.
    init(settings: String? = nil) throws {
        var template = Array("/tmp/rock-client-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        directory = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        variables = ["HOME": directory, "ROCK_DATA_DIR": directory + "/data"]
        var words = ["admin", "start", "--detach", "--port", "0"]
        if let settings {
            try settings.write(toFile: directory + "/rock.yml", atomically: true, encoding: .utf8)
            words += ["--config", directory + "/rock.yml"]
        }
        let start = try run(words)
        try #require(start.status == 0, "\(start)")
    }

    deinit {
        let all =
            (try? run(["sandbox", "list", "--all", "--quiet", "--no-trunc"]))?.output.split(separator: "\n") ?? []
        if !all.isEmpty { _ = try? run(["sandbox", "remove", "--force"] + all.map(String.init)) }
        _ = try? run(["admin", "stop"])
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Runs `rockctl` against the server.
    func run(_ words: [String], input: String = "") throws -> Program {
        try Program.rockctl(words, input: input, variables: variables)
    }

    func sandbox(_ words: String..., input: String = "") throws -> Program {
        try run(["sandbox"] + words, input: input)
    }

    /// Runs `rockctl sandbox` on a terminal.
    func terminal(_ words: String...) throws -> Terminal {
        try Terminal(arguments: ["sandbox"] + words, variables: variables, columns: 100)
    }

    /// Starts a sandbox of the machine's own tree.
    func start(_ name: String, _ words: String...) throws {
        let start = try run(["sandbox", "start", "host", "--runtime", "jail", "--name", name] + words)
        try #require(start.status == 0 && start.output == name + "\n", "\(start)")
    }

    /// What `words` write, as JSON.
    func json(_ words: String...) throws -> [String: Any] {
        let answer = try run(words)
        return try #require(JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any], "\(answer)")
    }
}
