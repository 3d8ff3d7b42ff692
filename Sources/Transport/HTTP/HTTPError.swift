/// A message that cannot be taken or answered: what is wrong, and the status that says so.
package struct HTTPError: Error, Equatable, Sendable {
    /// The status a server answers with before it closes the connection.
    package let status: HTTPStatus
    /// One sentence about what was wrong.
    package let message: String

    init(_ status: HTTPStatus, _ message: String) {
        self.status = status
        self.message = message
    }
}
