import GEM
import Glibc
import Transport

extension Session {
    /// How many may look at one session.
    private static let attachmentLimit = 32
    /// How much of a command is shown to those who look.
    private static let shownLimit = 400  // characters

    /// Carries a person's terminal: binary messages are bytes of the terminal both ways; a text from the client is a
    /// ``TerminalControl``, one from here says how the shell has ended.
    func attach(_ socket: WebSocket, rows: Int?, columns: Int?) async throws {
        guard attachments.count < Self.attachmentLimit, !hasEnded else {
            return socket.close(.policyViolation)
        }
        if let rows, let columns { terminal.resize(rows: rows, columns: columns) }
        let attachment = Attachment()
        attachment.send(history.bytes)
        attachments.append(attachment)
        wasTypedAt = true
        defer {
            attachments.removeAll { $0 === attachment }
            if state == .idle { terminal.makeSane(echoes: !attachments.isEmpty) }
        }
        if state == .idle { offerPrompt() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Self.pass(attachment, to: socket) }
            for try await message in socket {
                switch message {
                case .binary(let bytes):
                    terminal.type(bytes)
                    await terminal.waitForRoom()
                case .text(let text):
                    try control(TerminalControl(text))
                }
            }
            group.cancelAll()
        }
    }

    private static func pass(_ attachment: Attachment, to socket: WebSocket) async throws {
        for await item in attachment.items {
            switch item {
            case .bytes(let bytes):
                try await socket.send(binary: bytes)
                attachment.passed(bytes.count)
            case .ended(let status):
                try await socket.send(text: status.json)
            }
        }
        socket.close(attachment.isTooSlow ? .policyViolation : .normal)
    }

    func control(_ control: TerminalControl) {
        switch control {
        case .resize(let rows, let columns): terminal.resize(rows: rows, columns: columns)
        case .signal(let signal): kill(-(terminal.foreground ?? process), signal)
        }
    }

    // MARK: What people see that programs do not write

    /// Shows people what a caller runs.
    func showCommand(_ command: String) {
        let line = command.prefix(Self.shownLimit)
            .map { $0.isNewline ? "\r\n> " : $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } ? String($0) : "?" }
            .joined()
        show(Array("\u{1B}[2m$ \(line)\(line.count < command.count ? " …" : "")\u{1B}[22m\r\n".utf8))
    }

    /// Shows people where they are, once nothing runs: the shell's own prompt is silent.
    func offerPrompt() {
        guard state == .idle, !attachments.isEmpty else { return }
        terminal.makeSane(echoes: true)
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/\(process)/cwd", &path, path.count)
        let folder = String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        let bytes = Array("\(name):\(folder)\(account == nil ? "#" : "$") ".utf8)
        for attachment in attachments { attachment.send(bytes) }
    }
}

/// What a client tells a terminal besides what it types: `{"resize":[24,80]}` or `{"signal":"INT"}`.
enum TerminalControl: Equatable, Sendable {
    case resize(rows: Int, columns: Int)
    case signal(Int32)

    /// - Throws: `Failure` where `text` is neither.
    init(_ text: [UInt8]) throws(Failure) {
        let json: JSON
        do throws(JSONError) { json = try JSON(parsing: text.span, byteLimit: 4096) } catch { throw Failure(error) }
        if let rows = json["resize"]?[0]?.int, let columns = json["resize"]?[1]?.int, Terminal.sizes ~= rows,
            Terminal.sizes ~= columns
        {
            self = .resize(rows: rows, columns: columns)
        } else if let signal = json["signal"].flatMap(SignalName.number) {
            self = .signal(signal)
        } else {
            throw Failure(.invalidParams, #"A control message is {"resize":[rows,columns]} or {"signal":"INT"}."#)
        }
    }
}
