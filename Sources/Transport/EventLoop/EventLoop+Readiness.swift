import CLinux

/// What a handler wants to hear about a descriptor.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Something can be read, accepted or collected.
    package static let readable = Interest(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_IN))
    /// Something can be written.
    package static let writable = Interest(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_OUT))
    /// The other end of a socket has finished sending.
    package static let peerClosed = Interest(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_RDHUP))
    /// Report a change once, not for as long as it lasts: the handler must read or write until `EAGAIN` or remember that
    /// it has not. Saves a system call per change of interest.
    package static let edgeTriggered = Interest(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_ET))
}

/// What has become true of a descriptor.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_IN))
    package static let writable = Readiness(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_OUT))
    /// The other end has finished sending; data may still be waiting.
    package static let peerClosed = Readiness(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_RDHUP))
    /// Both directions are closed; reported whether asked for or not.
    package static let hangUp = Readiness(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_HUP))
    /// The descriptor failed; the next read or write says why. Reported whether asked for or not.
    package static let failed = Readiness(rawValue: UInt32(truncatingIfNeeded: ROCK_EPOLL_ERR))
}

/// Hears what becomes of a descriptor, on the thread of the loop that watches it.
package protocol ReadinessHandler: AnyObject {
    /// `descriptor` is ready for what `readiness` says. Must not block.
    func descriptor(_ descriptor: Int32, isReadyFor readiness: Readiness)
}

extension EventLoop {
    /// What is known about one descriptor number. The generation tells a descriptor from an earlier one of that number.
    struct Slot {
        var handler: (any ReadinessHandler)?
        var generation: UInt32 = 0

        /// The loop's own event counter; no descriptor has this number.
        static let wakeToken = UInt64.max

        static func token(_ descriptor: Int32, _ generation: UInt32) -> UInt64 {
            UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        }
    }

    /// Calls `handler` whenever `descriptor` becomes ready, until ``unwatch(_:)``. The loop keeps the handler alive, the
    /// caller the descriptor. Call it on the loop.
    ///
    /// - Throws: ``SystemCallError``: the descriptor is closed, watched already, or of a kind that is always ready.
    package func watch(_ descriptor: Int32, for interest: Interest, handler: any ReadinessHandler)
        throws(SystemCallError)
    {
        preconditionOnLoop()
        precondition(descriptor >= 0, "not a descriptor")
        let index = Int(descriptor)
        while slots.count <= index { slots.append(Slot()) }
        let token = Slot.token(descriptor, slots[index].generation)
        try SystemCallError.check(
            rock_epoll_add(epoll.rawValue, descriptor, interest.rawValue, token), "epoll_ctl",
            "descriptor \(descriptor)")
        slots[index].handler = handler
    }

    /// Changes what is reported about a watched descriptor. Call it on the loop.
    ///
    /// - Throws: ``SystemCallError`` with `ENOENT` when it is not watched.
    package func update(_ descriptor: Int32, for interest: Interest) throws(SystemCallError) {
        preconditionOnLoop()
        guard slots.indices.contains(Int(descriptor)) else {
            throw SystemCallError("epoll_ctl", "descriptor \(descriptor)", errno: 2)
        }
        let token = Slot.token(descriptor, slots[Int(descriptor)].generation)
        try SystemCallError.check(
            rock_epoll_modify(epoll.rawValue, descriptor, interest.rawValue, token),
            "epoll_ctl", "descriptor \(descriptor)")
    }

    /// Stops watching: the handler hears nothing more, not even what the kernel had already reported. Must come before
    /// the descriptor is closed. Does nothing when it is not watched. Call it on the loop.
    package func unwatch(_ descriptor: Int32) {
        preconditionOnLoop()
        guard slots.indices.contains(Int(descriptor)), slots[Int(descriptor)].handler != nil else { return }
        slots[Int(descriptor)].handler = nil
        slots[Int(descriptor)].generation &+= 1
        // Fails only when the caller closed it too early, and then the kernel has forgotten it already.
        rock_epoll_remove(epoll.rawValue, descriptor)
    }

    func dispatch(_ event: rock_event) {
        guard event.token != Slot.wakeToken else { return wakeUp() }
        let descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: event.token))
        let slot = slots[Int(descriptor)]
        guard slot.generation == UInt32(truncatingIfNeeded: event.token >> 32), let handler = slot.handler else {
            return
        }
        handler.descriptor(descriptor, isReadyFor: Readiness(rawValue: event.bits))
    }
}
