//! Configured AI providers: which plugin, which address, which credential, which model.
