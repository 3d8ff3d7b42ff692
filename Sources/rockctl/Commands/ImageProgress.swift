import Images
import Synchronization

/// A line on standard error that says how far a transfer is; nothing where standard error is no terminal.
final class ImageProgress: Sendable {
    private let console: Console
    private let verb: String
    private let isOn: Bool
    private let last = Mutex(ContinuousClock.now - .seconds(1))

    init(_ verb: String, _ console: Console, isOn: Bool = true) {
        (self.verb, self.console) = (verb, console)
        self.isOn = isOn && console.errorIsTerminal
    }

    /// Shows how far it is, ten times a second at most.
    func show(_ progress: TransferProgress) {
        let total = progress.bytes > 0 ? " of \(ImageArgument.size(progress.bytes))" : ""
        show("layer \(progress.layersDone) of \(progress.layers), \(ImageArgument.size(progress.bytesDone))\(total)")
    }

    /// Shows how many bytes were done.
    func show(bytes: Int64) { show(ImageArgument.size(bytes)) }

    /// Shows what a server says.
    func show(text: String) { show(text) }

    private func show(_ text: String) {
        guard isOn else { return }
        let isDue = last.withLock { last in
            guard last.duration(to: .now) >= .milliseconds(100) else { return false }
            last = .now
            return true
        }
        if isDue { console.report("\r\u{1B}[K\(verb) \(text)") }
    }

    /// Takes the line away.
    func end() { if isOn { console.report("\r\u{1B}[K") } }
}
