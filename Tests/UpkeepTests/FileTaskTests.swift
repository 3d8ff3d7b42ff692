import GEM
import Glibc
import Testing

@testable import Upkeep

@Suite(.timeLimit(.minutes(1))) struct FileTaskTests {
    @Test func removesOldAndLargeFilesOnly() async throws {
        let room = try Room()
        try room.file("t/old.txt", age: 7200)
        try room.file("t/new.txt")
        try room.file("t/large.bin", 5000)
        try room.file("t/keep/old.txt", age: 7200)
        try room.file("t/deep/er/old.txt", age: 7200)
        try room.file("t/old.lock", age: 7200)
        try room.file("t/old.py", age: 7200)
        try room.file("outside/old.txt", age: 7200)
        // What leads out of the folder, and what only looks like a file.
        #expect(symlink("../outside", "\(room.path)/t/link") == 0)
        #expect(symlink("../outside/old.txt", "\(room.path)/t/old-link.txt") == 0)
        #expect(mkfifo("\(room.path)/t/pipe", 0o600) == 0)
        let order = TaskOrder(
            "FileCleanup",
            [
                "target_dirs": [
                    ["path": .string(room.path + "/t"), "exclude_dirs": ["keep"], "exclude_files": ["*.lock"]]
                ],
                "max_age_mins": 60, "max_file_size": "4K", "include": ["*.txt", "*.bin", "*.lock"],
            ])
        var rehearsal = order.parameters
        rehearsal["dry_run"] = true
        let worker = try room.worker()
        let told = await worker.carryOut(TaskOrder("FileCleanup", rehearsal))
        #expect(told.details["folders"]?[0]?["removed_files"] == 3)
        #expect(room.exists("t/old.txt"))
        let report = await worker.carryOut(order)
        #expect(report.status == .success && report.details["folders"]?[0]?["removed_files"] == 3, "\(report)")
        for name in ["t/old.txt", "t/large.bin", "t/deep"] { #expect(!room.exists(name), "\(name)") }
        for name in ["t/new.txt", "t/keep/old.txt", "t/old.lock", "t/old.py", "outside/old.txt", "t/pipe", "t/link"] {
            #expect(room.exists(name), "\(name)")
        }
    }

    /// A folder that somebody puts a link in place of is not followed, and one outside the roots is not entered.
    @Test(arguments: ["/etc", "/t/../../etc", "/link/t"])
    func staysWhereItMayBe(_ folder: String) async throws {
        let room = try Room()
        try room.file("outside/t/old.txt", age: 7200)
        #expect(symlink("outside", "\(room.path)/link") == 0)
        let target = folder == "/etc" ? folder : room.path + folder
        let report = try await room.worker().carryOut(
            TaskOrder("FileCleanup", ["target_dirs": [.string(target)], "max_age_mins": 1]))
        #expect(report.status == .failed && report.error?.contains(target) == true, "\(report)")
        #expect(room.exists("outside/t/old.txt"))
    }

    @Test func archivesLogsThatWerePutAside() async throws {
        let room = try Room()
        try room.file("rocklet.log", 100)
        try room.file("rocklet.log.1", 100, age: 7200)
        try room.file("billing.log.2", 100, age: 60)
        try room.file("archive/1-rocklet.log.1.gz", age: 90 * 86_400)
        let report = try await room.worker().carryOut(TaskOrder("LogArchive", ["min_age_hours": 1, "keep_days": 30]))
        #expect(report.status == .success, "\(report)")
        #expect(report.details["archived"]?.array?.count == 1 && report.details["removed_archives"] == 1)
        #expect(room.exists("rocklet.log") && room.exists("billing.log.2") && !room.exists("rocklet.log.1"))
        let name = try #require(report.details["archived"]?[0]?.string)
        #expect(room.exists("archive/\(name)"))
    }

    @Test(arguments: [
        ("1T", 1_000_000_000_000 as Int64?), ("10 GB", 10_000_000_000), ("10GiB", 10 << 30), ("1.5 k", 1500), ("7", 7),
        ("80%", 800), ("0%", 0), ("12.5 %", 125), ("", nil), ("-1", nil), ("101%", nil), ("ten", nil), ("1XB", nil),
        ("1e99T", nil),
    ])
    func readsThresholds(_ text: String, _ bytes: Int64?) { #expect(Threshold(text)?.bytes(of: 1000) == bytes) }
}
