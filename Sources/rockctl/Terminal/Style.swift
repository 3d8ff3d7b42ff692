/// Colours and weights for a terminal, or nothing at all.
struct Style: Sendable {
    /// Whether anything is painted.
    let isOn: Bool

    static let plain = Style(isOn: false)

    /// What a piece of text is, never what it looks like.
    enum Role: Sendable {
        case heading, strong, faint, good, warning, error

        fileprivate var code: String {
            switch self {
            case .heading: "1;4"
            case .strong: "1"
            case .faint: "2"
            case .good: "32"
            case .warning: "33"
            case .error: "1;31"
            }
        }
    }

    func paint(_ text: String, _ role: Role) -> String { isOn ? "\u{1B}[\(role.code)m\(text)\u{1B}[0m" : text }
}
