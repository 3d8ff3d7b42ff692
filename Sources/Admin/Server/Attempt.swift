import GEM

/// Runs `body`; whatever it throws becomes a ``Failure`` that says what was being done.
func attempting<T>(_ task: String, _ body: () throws -> T) throws(Failure) -> T {
    do { return try body() } catch let failure as Failure { throw failure } catch {
        throw Failure(.infraFailed, "Cannot \(task): \(error).")
    }
}
