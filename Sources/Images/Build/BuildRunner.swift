package import GEM

/// Runs the commands of a build. It is a sandbox driver's work; builds without `RUN` need none.
package protocol BuildRunner: Sendable {
    /// Runs a command to its end, in a root filesystem whose changes are kept apart.
    ///
    /// - Parameters:
    ///   - command: What to run, where, and over which layers.
    ///   - output: Gets what it writes to standard output and standard error, as it comes.
    /// - Returns: The command's exit code; 128 and the signal's number where one ended it.
    /// - Throws: ``Failure`` where it could not be run. A command that fails is no failure of the runner.
    func run(_ command: BuildCommand, output: @escaping @Sendable ([UInt8]) -> Void) async throws(Failure) -> Int32
}

/// A command of a build.
package struct BuildCommand: Sendable {
    /// The layers below, the topmost first.
    package let layers: [String]
    /// Takes what changed, as overlayfs's upper folder has it. The runner calls it once after a command that ended well, while
    /// nobody writes there; blocks.
    package let capture: @Sendable (_ upper: String) throws(Failure) -> Void
    /// The program and its arguments.
    package let arguments: [String]
    /// `NAME=value` each: all that it gets.
    package let environment: [String]
    package let workingDirectory: String
    /// As in an image's configuration; empty for root.
    package let user: String
}
