// The tests of what runs inside a sandbox start the real `rocklet`, as a child and as process 1 of a namespace.
