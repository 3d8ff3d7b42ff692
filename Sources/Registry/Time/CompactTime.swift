/// A moment or none in eight bytes: an optional ``Timestamp`` takes sixteen, and a record has many.
@propertyWrapper
package struct CompactTime: Equatable, Sendable {
    /// The last moment of all stands for none.
    private var microseconds = Int64.max

    package init(wrappedValue: Timestamp?) { self.wrappedValue = wrappedValue }

    package var wrappedValue: Timestamp? {
        get { microseconds == .max ? nil : Timestamp(microseconds: microseconds) }
        set { microseconds = newValue.map { min($0.microseconds, .max - 1) } ?? .max }
    }
}
