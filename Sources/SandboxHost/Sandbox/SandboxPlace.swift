/// By what a host finds a sandbox of its predecessor again.
package struct SandboxPlace: Equatable, Sendable {
    /// Its jail's place in the zygote's books.
    package let slot: UInt32
    /// Its first process; 0 where that is unknown.
    package let process: Int32
    package let limits: Limits

    package init(slot: UInt32, process: Int32, limits: Limits) {
        (self.slot, self.process, self.limits) = (slot, process, limits)
    }
}
