"""Physical systems: LightningModules that a declaration builds."""
