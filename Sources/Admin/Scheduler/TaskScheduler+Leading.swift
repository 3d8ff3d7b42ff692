import GEM
import Registry
import Synchronization

extension TaskScheduler {
    /// Takes the lease, holds on to it, and waits for it while another server has it; until the task is cancelled.
    ///
    /// One who cannot renew it stops scheduling when it runs out, and not before: nobody else has begun by then.
    func lead() async {
        let (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        var iterator = rings.makeAsyncIterator()
        var heldUntil: Timestamp?
        while !Task.isCancelled {
            let now = clock.now()
            let wake: Timestamp
            do throws(Failure) {
                let end = Timestamp(microseconds: now.microseconds + Int64(configuration.lease.inSeconds * 1e6))
                let (holder, until) = try await store.lease(identity, at: now, until: end)
                let isMine = holder == identity
                if isMine, heldUntil == nil {
                    // What a dead leader has left undone is nobody's any more.
                    try await store.endAbandoned(at: now)
                }
                heldUntil = isMine ? until : nil
                setLeading(isMine, holder)
                wake = isMine ? Timestamp(microseconds: (now.microseconds + until.microseconds) / 2) : until
            } catch {
                complain(.error, "The scheduler's file cannot be used: \(error.message)")
                if let held = heldUntil, held <= clock.now() {
                    heldUntil = nil
                    setLeading(false, "nobody")
                }
                wake = Timestamp(microseconds: now.microseconds + Int64(configuration.lease.inSeconds * 5e5))
            }
            let cancel = clock.schedule(wake) { bell.yield() }
            let isOver = await iterator.next() == nil
            cancel()
            if isOver { return }
        }
    }

    private func setLeading(_ isLeading: Bool, _ holder: String) {
        let hasChanged = state.withLock { state in
            defer { state.isLeading = isLeading }
            return state.isLeading != isLeading
        }
        guard hasChanged else { return }
        complain(.info, isLeading ? "This server schedules tasks." : "Tasks are scheduled by \(holder).")
        ringAll()
    }
}
