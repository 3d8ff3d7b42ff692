/// A descriptor that several owners share: closed when the last of them lets go of it.
package final class OpenFile: Sendable {
    private let descriptor: OwnedDescriptor

    /// The number the kernel knows it by; valid as long as this object lives.
    package var rawValue: Int32 { descriptor.rawValue }

    package init(_ descriptor: consuming OwnedDescriptor) {
        self.descriptor = descriptor
    }
}
