import GEM
import Glibc
import Transport

extension HTTPUpload {
    /// A request's body as that of another request, passed on while it comes and as fast as it is taken.
    ///
    /// - Parameters:
    ///   - body: The body.
    ///   - what: What it is, for error messages: `The archive`.
    init(passingOn body: HTTPRequestBody, _ what: String) {
        self.init(length: body.announcedBytes) { writer in
            var pieces = body.makeAsyncIterator()
            while true {
                let piece: [UInt8]
                do {
                    guard let next = try await pieces.next() else { return }
                    piece = next
                } catch {
                    // The sender's fault, and not of whom the body is passed on to.
                    throw Failure(ofBody: error, what)
                }
                try await writer.write(piece)
            }
        }
    }
}

extension Failure {
    /// What it means to the sender that a body, called `what`, could not be passed on.
    init(ofBody error: any Error, _ what: String) {
        switch error {
        case let failure as Failure: self = failure
        case let error as SystemCallError:
            self.init(.infraFailed, "The sandbox cannot take the file: \(String(cString: strerror(error.errno))).")
        case let error as HTTPError where error.status == 413: self.init(.tooLarge, error.message)
        default: self.init(.invalidRequest, "\(what) did not arrive whole: \(error).")
        }
    }
}
