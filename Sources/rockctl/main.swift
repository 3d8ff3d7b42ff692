print("rockctl")
