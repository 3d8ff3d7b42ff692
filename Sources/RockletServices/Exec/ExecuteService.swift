import GEM
import Transport

/// `POST /execute`: programs without a terminal, run to their end.
struct ExecuteService: Service {
    private let context: ServerContext

    init(_ context: ServerContext) {
        self.context = context
    }

    var routes: [Route] {
        [Route("POST", "/execute") { [context] in try await Execution.answer($0, context) }]
    }
}
