# nothing
    # but
  # comments

