import Foundation
import Testing

/// A script of this package's that runs something for the tests: it says `ready …` when that can be used, and ends when its
/// standard input does.
enum FixtureScript {
    /// Runs a script while `body` uses what it runs.
    ///
    /// - Parameters:
    ///   - name: The script's name in `Scripts`.
    ///   - arguments: What follows on its command line.
    ///   - body: Gets what the script said behind `ready`.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or that the script did not get ready.
    static func use<T>(_ name: String, _ arguments: [String], body: (String) async throws -> T) async throws -> T {
        let script = try StartedProgram(Products.package.appendingPathComponent("Scripts/\(name)").path, arguments)
        async let errors = script.errors.readToEnd()
        let ready = await script.output.line { $0.hasPrefix("ready ") }
        let result: Result<T, any Error>
        do {
            let address = try #require(ready?.dropFirst("ready ".count), "\(name) did not get ready")
            result = .success(try await body(String(address)))
        } catch { result = .failure(error) }
        script.input.close()
        _ = try await script.end()
        let said = await errors
        if ready == nil { Issue.record("\(name): \(said)") }
        return try result.get()
    }
}
