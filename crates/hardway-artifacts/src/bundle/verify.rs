//! Reading all of a bundle, to find what is not as it was written.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::blob::{Failure, Identity, Part, pass, unpack};
use super::error::BundleError;
use super::index::{Artifact, Packing};
use super::layout::{self, BLOCK, Place};
use super::open::Bundle;
use crate::Error;

impl Bundle {
    /// Reads every byte: each member has the only header that it can have, the digest that the index says, and unpacks
    /// to the digest that goes to machines; all bytes together have the digest that the last member says.
    ///
    /// Works on all processors.
    ///
    /// # Errors
    /// [`Error::Bundle`] naming a member that is damaged, the first in the file where there are several.
    pub fn verify(&self) -> Result<(), Error> {
        self.check().map_err(|source| self.error(source))
    }

    fn check(&self) -> Result<(), BundleError> {
        let (members, all) = rayon::join(|| self.check_members(), || self.check_all());
        members.and(all)
    }

    fn check_members(&self) -> Result<(), BundleError> {
        let checked: Vec<Result<(), BundleError>> =
            self.places.par_iter().map(|place| self.check_frame(place).and_then(|()| self.check_data(place))).collect();
        checked.into_iter().collect()
    }

    /// What is around a member's data.
    fn check_frame(&self, place: &Place) -> Result<(), BundleError> {
        let header = Part::new(&self.file, place.position, BLOCK).bytes().map_err(BundleError::Read)?;
        let padding = layout::padding(place.size);
        let after = Part::new(&self.file, place.data() + place.size, padding.len() as u64);
        let intact =
            header == layout::header(&place.name, place.size) && after.bytes().map_err(BundleError::Read)? == padding;
        if intact { Ok(()) } else { Err(damaged(place)) }
    }

    fn check_data(&self, place: &Place) -> Result<(), BundleError> {
        let packed = pass(&mut Part::of(&self.file, place), std::io::sink()).map_err(unreadable)?;
        if packed.sha256 != place.sha256 {
            return Err(damaged(place));
        }
        for expected in self.packed_in(place) {
            match unpack(Part::of(&self.file, place), expected.size, std::io::sink()) {
                Ok(unpacked) if unpacked == expected => {}
                _ => return Err(damaged(place)),
            }
        }
        Ok(())
    }

    /// What has to come of unpacking a member. Two names may share it.
    fn packed_in(&self, place: &Place) -> BTreeSet<Identity> {
        let packed = |artifact: &&Artifact| artifact.packing == Packing::Zstd && artifact.member.name == place.name;
        self.index.artifacts.values().filter(packed).map(|artifact| Identity::of(&artifact.locked)).collect()
    }

    fn check_all(&self) -> Result<(), BundleError> {
        let end = self.places.last().map_or(0, Place::end);
        let all = pass(&mut Part::new(&self.file, 0, end), std::io::sink()).map_err(unreadable)?;
        if all.sha256 == self.checksums.all {
            Ok(())
        } else {
            Err(BundleError::Damaged { member: layout::CHECKSUMS.to_owned() })
        }
    }
}

fn damaged(place: &Place) -> BundleError {
    BundleError::Damaged { member: place.name.clone() }
}

fn unreadable(failure: Failure) -> BundleError {
    match failure {
        Failure::Read(error) | Failure::Write(error) => BundleError::Read(error),
    }
}
