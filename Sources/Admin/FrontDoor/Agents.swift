import GEM
import SandboxHost
import Synchronization
import Transport

/// The agents of sandboxes that were called lately, so that a call finds an open connection.
final class Agents: Sendable {
    private struct Entry {
        let agent: SandboxAgent
        /// A restarted sandbox has another first process, and none of the connections of before.
        let process: Int32
    }

    private let entries = Mutex<[SandboxID: Entry]>([:])
    private let group: EventLoopGroup
    private let isRunning: @Sendable (SandboxID) -> Bool

    /// - Parameters:
    ///   - group: Carries calls of those who run on no loop.
    ///   - isRunning: Whether a sandbox still runs; agents of others are forgotten.
    init(group: EventLoopGroup, isRunning: @escaping @Sendable (SandboxID) -> Bool) {
        self.group = group
        self.isRunning = isRunning
    }

    /// The agent of `sandbox`.
    func agent(of sandbox: RunningSandbox) -> SandboxAgent {
        entries.withLock { entries in
            if let entry = entries[sandbox.id], entry.process == sandbox.process { return entry.agent }
            // Seldom enough: the number of entries has doubled since the last time.
            if entries.count >= 64, entries.count.nonzeroBitCount == 1 {
                entries = entries.filter { isRunning($0.key) }
            }
            let agent = SandboxAgent(sandbox.agent, of: sandbox.id, on: group.next())
            entries[sandbox.id] = Entry(agent: agent, process: sandbox.process)
            return agent
        }
    }
}
