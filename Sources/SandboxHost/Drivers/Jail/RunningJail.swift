import CLinux
import GEM
import Glibc
import Transport

/// A jail that has been started here or adopted, until everything of its processes is gone.
final class RunningJail: Sendable {
    let specification: SandboxSpecification
    let guest: Guest
    /// Which range of user ids it has.
    let range: Int
    let imageDigest: String
    /// Which copy of the machine's tree it sees; `nil` for one of an image.
    let hostCopy: String?
    /// Comes when its processes, cgroups and network are gone.
    let end = Outcome<SandboxEnd>()

    var id: SandboxID { specification.id }

    init(_ specification: SandboxSpecification, _ guest: Guest, range: Int, imageDigest: String, hostCopy: String?) {
        self.specification = specification
        self.guest = guest
        self.range = range
        self.imageDigest = imageDigest
        self.hostCopy = hostCopy
    }

    /// What the driver says about it.
    func sandbox(in folder: StateFolder, ports: [UInt16: UInt16], losses: [String] = []) -> RunningSandbox {
        RunningSandbox(
            id: id, driver: JailDriver.driverName, agent: AgentAddress(folder: folder.path),
            isolation: JailIsolation.json(specification), process: guest.process, ports: ports,
            imageDigest: imageDigest, losses: losses,
            ended: { await self.end.value() })
    }

    /// How its first process's end is told.
    func end(_ exit: Guest.Exit, ranOutOfMemory: Bool) -> SandboxEnd {
        let memory = specification.limits.memoryBytes >> 20
        switch exit {
        case .exited(let code):
            return SandboxEnd(exitCode: code, reason: "The sandbox's first process ended with status \(code).")
        case .signalled(let signal) where ranOutOfMemory:
            return SandboxEnd(
                signal: signal, ranOutOfMemory: true, reason: "The sandbox used more than its \(memory) MiB of memory.")
        case .signalled(let signal):
            return SandboxEnd(signal: signal, reason: "Signal \(signal) ended the sandbox's first process.")
        case .unknown:
            return SandboxEnd(ranOutOfMemory: ranOutOfMemory, reason: "The sandbox's first process has ended.")
        }
    }
}
