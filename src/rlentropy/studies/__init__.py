"""Part III: entropy control, neural policies, countable answers, the law of reward and entropy."""
