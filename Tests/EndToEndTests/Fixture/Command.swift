import Foundation
import Synchronization

/// What a finished program left.
struct Finished: Sendable {
    let status: Int32
    let output: String
    let errors: String
}

/// Runs `program` to its end.
///
/// - Parameters:
///   - program: Its path.
///   - arguments: Its arguments.
///   - input: What it reads on standard input.
///   - environment: Variables on top of this process's own.
/// - Returns: Its exit status and all it wrote.
/// - Throws: That it could not be started.
func run(
    _ program: String, _ arguments: [String] = [], input: String = "", environment: [String: String] = [:]
) async throws -> Finished {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (stdin, stdout, stderr)

    let ended = AsyncStream<Int32> { stream in
        process.terminationHandler = {
            stream.yield($0.terminationStatus)
            stream.finish()
        }
    }
    try process.run()
    async let output = readAll(stdout)
    async let errors = readAll(stderr)
    try stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try stdin.fileHandleForWriting.close()
    var status: Int32 = -1
    for await value in ended { status = value }
    return Finished(status: status, output: try await output, errors: try await errors)
}

/// Reads a pipe to its end on a thread of its own: blocking reads must not hold the tests' pool.
func readAll(_ pipe: Pipe) async throws -> String {
    let handle = pipe.fileHandleForReading
    return try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(
                with: Result { String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self) })
        }
    }
}
