import Foundation
import Testing

@testable import Registry

/// A process that writes at full speed is killed at any instant; what it acknowledged is there, and nothing is there by half.
@Suite(.timeLimit(.minutes(5))) struct CrashTests {
    @Test func whatWasAcknowledgedSurvivesAKill() async throws {
        let fixture = try RegistryFixture()
        var dice = SandboxListTests.Dice(state: 11)
        // One file all the way, so that each start also finds what earlier kills have left.
        for round in 0..<12 {
            let writer = try WriterProcess(file: fixture.configuration.path, prefix: "r\(round)")
            let count = Int.random(in: 1...1500, using: &dice)
            let lines = try writer.read(lines: count)
            #expect(lines.first == "ready" && lines.count >= count)
            try await audit(fixture, lines: lines.dropFirst())
        }
    }

    private func audit(_ fixture: RegistryFixture, lines: ArraySlice<String>) async throws {
        // Opening checks each history against its state.
        let registry = try fixture.open()
        var faults: [String] = []
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count == 2, let acknowledged = SandboxState(rawValue: String(words[1])) else {
                faults.append("odd line: \(line)")
                continue
            }
            let ids = words[0].hasSuffix("+") ? ["a", "b"].map { words[0].dropLast() + $0 } : [words[0]]
            for record in ids.map({ registry.record(String($0)) }) {
                // A later state may have reached the disk without having been acknowledged.
                if record.map({ Self.rank($0.state) < Self.rank(acknowledged) }) ?? true {
                    faults.append("lost: \(line)")
                }
            }
        }
        var query = SandboxQuery()
        query.limit = SandboxQuery.limitMaximum
        var billed: Set<Int64> = []
        var total = 0
        while true {
            let page = try registry.list(query)
            for record in page.records {
                if record.id.hasSuffix("a") {
                    // Both of a pair, in the same state.
                    let twin = registry.record(record.id.dropLast() + "b")
                    if twin?.state != record.state { faults.append("half a pair: \(record.id)") }
                }
                if record.state == .running, record.ports.count != 1 { faults.append("half a move: \(record.id)") }
                if record.stopTime != nil { billed.insert(record.serial) }
            }
            total = page.total
            query.offset += query.limit
            if !page.hasMore { break }
        }
        let bills = try await registry.billing(limit: total)
        #expect(bills.count == billed.count && Set(bills.map(\.sandbox)) == billed)
        #expect(faults.prefix(5) == [])
        await registry.close()
    }

    private static func rank(_ state: SandboxState) -> Int {
        switch state {
        case .pending: 0
        case .running: 1
        case .stopped, .archiving, .archived: 2
        case .deleted: 3
        }
    }
}

/// The program that writes until it is killed.
struct WriterProcess {
    private let process: pid_t
    private let output: Int32

    init(file: String, prefix: String) throws {
        // The program lies beside the bundle that holds this test.
        let program = Bundle.main.bundleURL.appending(path: "RegistryWriter").path()
        try #require(FileManager.default.isExecutableFile(atPath: program), "\(program) is missing; build all products")
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        // A program that another test starts meanwhile must not keep the pipe open.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var arguments: [UnsafeMutablePointer<CChar>?] = [program, file, prefix].map { (text: String) in strdup(text) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        let started = posix_spawn(&process, program, &actions, nil, &arguments, environ)
        close(ends[1])
        output = ends[0]
        self.process = process
        try #require(started == 0)
    }

    /// Reads until `lines` lines have come, kills the program, and reads what it had written by then.
    func read(lines count: Int) throws -> [String] {
        defer { close(output) }
        var text: [UInt8] = []
        var newlines = 0
        var isKilled = false
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if newlines >= count, !isKilled {
                kill(process, SIGKILL)
                isKilled = true
            }
            let got = Glibc.read(output, &buffer, buffer.count)
            if got <= 0 { break }
            newlines += buffer[..<got].count { $0 == 0x0A }
            text += buffer[..<got]
        }
        var status: Int32 = 0
        waitpid(process, &status, 0)
        try #require(status & 0x7F == SIGKILL, "the program ended by itself with status \(status)")
        // A last line without its end was not said.
        let end = text.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return String(decoding: text[..<end], as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
