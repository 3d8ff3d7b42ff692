import GEM

extension Check {
    static let leaks = Check(
        name: "leaks", summary: "Memory and descriptors of the sandbox do not grow with the episodes"
    ) { subject in
        let scripts = subject.scripts(16)
        guard !scripts.isEmpty else { throw CheckOmission(reason: "there is no episode") }
        let sandbox = try await subject.make()
        let half = max(1, subject.episodes / 2)
        // The first half warms up: caches fill, pools grow to what they need.
        for number in 0..<half { _ = try await sandbox.play(scripts[number % scripts.count]) }
        let before = try await usage(of: sandbox)
        for number in 0..<half { _ = try await sandbox.play(scripts[number % scripts.count]) }
        let after = try await usage(of: sandbox)
        let growth = after.memory - before.memory
        guard growth <= max(1 << 20, before.memory / 20) else {
            throw CheckFault(
                "Memory grows by \(growth >> 10) KiB, from \(before.memory >> 10) KiB, in \(half) episodes that were played before.",
                scripts[0])
        }
        guard after.descriptors <= before.descriptors else {
            throw CheckFault(
                "Open descriptors grow from \(before.descriptors) to \(after.descriptors) in \(half) episodes.",
                scripts[0])
        }
        return
            "\(2 * half) episodes: \(before.memory >> 10) KiB and \(before.descriptors) descriptors after the first half, "
            + "\(after.memory >> 10) KiB and \(after.descriptors) at the end"
    }

    /// Resident memory of the sandbox's processes in bytes, and their open descriptors, as the server sees them.
    private static func usage(of sandbox: CheckedSandbox) async throws -> (memory: Int, descriptors: Int) {
        guard let usage = try await sandbox.call("status").json?["usage"], let memory = usage["memory_bytes"]?.int
        else {
            throw CheckOmission(reason: "the server does not say what memory the sandbox uses")
        }
        return (memory, usage["descriptors"]?.int ?? 0)
    }
}
