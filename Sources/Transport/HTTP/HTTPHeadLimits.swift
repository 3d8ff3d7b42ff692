/// How large the parts of a message head may be.
package struct HTTPHeadLimits: Equatable, Sendable {
    /// Bytes of the first line, without its end. Beyond it: 414.
    package var startLineBytes = 8 * 1024
    /// Bytes of the whole head, first line included. Beyond it: 431.
    package var headBytes = 32 * 1024
    /// How many header lines. Beyond it: 431.
    package var headerCount = 100

    package init() {}
}
