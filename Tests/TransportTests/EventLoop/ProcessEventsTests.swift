import Glibc
import Synchronization
import Testing

@testable import Transport

/// Starts a program whose path comes first in `arguments`.
func spawn(_ arguments: [String]) throws -> Int32 {
    var vector = arguments.map { strdup($0) } + [nil]
    defer { vector.forEach { free($0) } }
    var process: pid_t = 0
    let error = posix_spawn(&process, arguments[0], nil, nil, &vector, nil)
    guard error == 0 else { throw SystemCallError("posix_spawn", arguments.joined(separator: " "), errno: error) }
    return process
}

@Suite(.timeLimit(.minutes(1)))
struct ProcessEventsTests {
    @Test(arguments: [
        (["/bin/sh", "-c", "exit 0"], ChildStatus.exited(0)),
        (["/bin/sh", "-c", "exit 7"], .exited(7)),
        (["/bin/sh", "-c", "kill -KILL $$"], .signalled(SIGKILL)),
    ])
    func childrenTellHowTheyEnded(_ arguments: [String], _ status: ChildStatus) async throws {
        try await withLoop { loop in
            let child = try spawn(arguments)
            #expect(try await loop.exitStatus(ofChild: child) == status)
            #expect(waitpid(child, nil, 0) == -1, "a zombie was left")
        }
    }

    @Test func aStrangerIsNotWaitedFor() async throws {
        try await withLoop { loop in
            let error = await #expect(throws: SystemCallError.self) { try await loop.exitStatus(ofChild: 1 << 22) }
            #expect(error?.errno == ESRCH)
        }
    }

    @Test func signalsArriveAsEvents() async throws {
        try await withLoop { loop in
            let source = try SignalSource([SIGUSR1], on: loop)
            // To the loop's own thread: in a test, other threads run that have not blocked the signal.
            try await loop.run {
                try SignalSource.block([SIGUSR1])
                pthread_kill(pthread_self(), SIGUSR1)
            }
            var arrived: [Int32] = []
            for await signal in source.signals {
                arrived.append(signal)
                source.cancel()
            }
            #expect(arrived == [SIGUSR1])
        }
    }

    @Test func blockingWorkRunsBesideTheLoopAndItsErrorsComeBack() async throws {
        try await withLoop { loop in
            struct Refused: Error, Equatable {}
            let pool = BlockingPool(threads: 2)
            await #expect(throws: Refused()) { try await pool.run { throw Refused() } }
            let onLoop = try await Task(executorPreference: loop) {
                let inside = try await pool.run { EventLoop.current == nil }
                return inside && loop.isCurrent
            }.value
            #expect(onLoop)
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<200 { group.addTask { try await BlockingPool.run { number } } }
                return try await group.reduce(0, +)
            }
            #expect(sum == 19_900)
        }
    }

    @Test func errorsNameTheCallItsSubjectAndTheReason() {
        let error = SystemCallError("bind", "127.0.0.1:80", errno: EACCES)
        #expect("\(error)" == "bind(127.0.0.1:80): Permission denied")
    }
}
