/// What a sandbox answered: valid JSON, forwarded as it came.
public enum Reply: Equatable, Sendable {
    /// The value of `"result"`.
    case result(ArraySlice<UInt8>)
    /// The value of `"error"`: the environment or the service inside refused the call.
    case error(ArraySlice<UInt8>)
}
