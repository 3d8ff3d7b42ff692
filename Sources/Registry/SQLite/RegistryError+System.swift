import Glibc

extension RegistryError {
    /// The failure of the system call named `call` on `path`, with the errno it left.
    init(_ call: String, _ path: String, _ reason: Int32) {
        let code: Code =
            switch reason {
            case EROFS, EACCES, EPERM: .readOnly
            case ENOSPC, EDQUOT: .diskFull
            default: .ioFailed
            }
        self.init(code, "\(call)(\(path)): \(String(cString: strerror(reason)))")
    }
}
