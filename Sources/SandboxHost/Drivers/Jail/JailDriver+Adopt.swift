import CLinux
package import GEM
import Glibc
import Synchronization
import Transport

extension JailDriver {
    package func adopt() async throws(Failure) -> [AdoptedSandbox] {
        let ground = try await ground()
        let sandboxes = configuration.sandboxes
        let found = try await blocking { () throws(Failure) in
            // Removals that a predecessor did not finish.
            for name in KernelFile.names(in: sandboxes) where name.hasPrefix(".removed-") {
                rock_tree_remove("\(sandboxes)/\(name)")
            }
            return StateFolder.all(in: sandboxes).compactMap { Self.look(at: $0) }
        }
        var adopted: [AdoptedSandbox] = []
        var unfinished: [SandboxID] = []
        for (folder, state) in found {
            let guest = living(state)
            switch state.phase {
            case .running where guest != nil:
                guard let guest else { continue }
                adopted.append(.running(try await adopt(folder, state, guest, ground), state.specification))
            case .running, .stopped:
                let reason =
                    state.phase == .stopped
                    ? "The sandbox was stopped." : "The sandbox ended while no server watched it."
                adopted.append(.ended(folder.id, SandboxEnd(reason: reason), isRestartable: true))
            case .restarting:
                // Its files are older than the start that was broken off.
                await end(guest)
                let reason = "The sandbox was being started again."
                adopted.append(.ended(folder.id, SandboxEnd(reason: reason), isRestartable: true))
            case .starting, nil:
                // Whoever asked for it never heard of it.
                await end(guest)
                unfinished.append(folder.id)
            }
        }
        let kept = Set(state.withLock { $0.jails.keys })
        try await blocking { ground.cgroups.sweep(keeping: kept) }
        for id in unfinished { try await remove(id) }
        try await blocking { self.sweepHostCopies() }
        try await network.sweep()
        return adopted
    }

    /// What a folder's state file says, if it is a jail's. Removes a folder that never got as far as having one.
    private static func look(at folder: StateFolder) -> (StateFolder, StateFolder.State)? {
        if let state = folder.read() { return state.driver == driverName ? (folder, state) : nil }
        if access(folder.path + "/state.json", F_OK) != 0 {
            unlink(folder.path + "/state.json.new")
            rmdir(folder.path)
        }
        return nil
    }

    private func end(_ guest: Guest?) async {
        guard let guest else { return }
        guest.signal(SIGKILL)
        _ = await guest.exit()
    }

    private func living(_ state: StateFolder.State) -> Guest? {
        guard state.boot == StateFolder.State.currentBoot else { return nil }
        return Guest.predecessors(state.process, started: state.processStart, on: loops.next())
    }

    private func adopt(
        _ folder: StateFolder, _ state: StateFolder.State, _ guest: Guest, _ ground: Ground
    ) async throws(Failure) -> RunningSandbox {
        let specification = state.specification
        let range = state.range ?? 0
        ranges.claim(range)
        let jail = RunningJail(
            specification, guest, range: range, imageDigest: state.imageDigest, hostCopy: state.hostCopy)
        self.state.withLock { $0.jails[jail.id] = jail }
        watch(jail, ground)
        var losses: [String] = []
        do throws(Failure) {
            try await network.adopt(jail.id, policy: specification.network)
        } catch {
            // Rules that were taken over stand, though names may not be answered; what was not is swept away, and reaches nothing.
            losses.append(AdoptionLoss.network(error))
        }
        var ports: [UInt16: UInt16] = [:]
        do throws(Failure) {
            ports = try await publish(jail, folder, wanted: state.ports)
            if ports != state.ports {
                var state = state
                state.ports = ports
                try await blocking { [state] () throws(Failure) in try folder.write(state, isDurable: false) }
            }
        } catch {
            losses.append(AdoptionLoss.ports(error, ports))
        }
        return jail.sandbox(in: folder, ports: ports, losses: losses)
    }
}
