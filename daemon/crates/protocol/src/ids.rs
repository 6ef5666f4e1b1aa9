//! Identifiers: ULIDs with 80 fresh random bits, so that they sort by age and cannot be guessed.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use ulid::Ulid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[schema(value_type = String, example = "01KABCDEFGHJKMNPQRSTVWXYZ0")]
        pub struct $name(Ulid);

        impl $name {
            /// A fresh id.
            pub fn generate() -> Self {
                Self(Ulid::new())
            }

            /// The ULID itself.
            pub fn ulid(self) -> Ulid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ulid::DecodeError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ulid::from_string(text).map(Self)
            }
        }
    };
}

id!(
    /// A project.
    ProjectId
);
id!(
    /// A data source.
    SourceId
);
id!(
    /// A turn. The client chooses it, so that starting it again is the same turn.
    TurnId
);
id!(
    /// A state of a project's files.
    SnapshotId
);
id!(
    /// A configured AI provider.
    ProviderId
);
id!(
    /// An access token (not its secret).
    TokenId
);
id!(
    /// A place that apps are deployed to.
    TargetId
);
id!(
    /// A deployment, rollback or destruction. The client chooses it, so that starting it again is
    /// the same one.
    DeploymentId
);
id!(
    /// The rest of a query's rows, held for a while.
    CursorId
);
