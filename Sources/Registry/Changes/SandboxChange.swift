/// That something about a sandbox changed. What it is now, its record says.
package struct SandboxChange: Equatable, Sendable {
    /// Counts changes; grows by one each time, also across restarts.
    package let sequence: Int64
    package let id: String
    /// What moved the sandbox; `nil` where its state stayed and something else changed.
    package let event: SandboxEvent?
    package let from: SandboxState?
    package let to: SandboxState
    package let time: Timestamp
}

/// What a reader of changes is told.
package enum SandboxChangeNotice: Equatable, Sendable {
    case change(SandboxChange)
    /// Changes up to and including this sequence number have been passed over, because the reader was slow or asked for ones
    /// from too long ago: look at the records anew.
    case missed(through: Int64)

    /// Where to go on reading after this.
    package var sequence: Int64 {
        switch self {
        case .change(let change): change.sequence
        case .missed(let sequence): sequence
        }
    }
}
