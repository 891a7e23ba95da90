//! What there is of each machine, by its number: an array look-up, which every event of the dispatcher makes a few times.

use super::policy::MachineId;

/// Values by the numbers that a table gave ([`Table::next`]), here or in another table of the same machines.
///
/// The low half of a number is a place and the high half counts who had it. So the places are dense, and a number is never used twice.
pub struct Table<T> {
    places: Vec<Option<(MachineId, T)>>,
    /// Numbers to be given next, at places that are free again.
    free: Vec<MachineId>,
    len: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new(), len: 0 }
    }
}

fn place(id: MachineId) -> usize {
    id as u32 as usize
}

impl<T> Table<T> {
    /// The number of whoever comes next; never 0. It is taken by [`Table::insert`].
    pub fn next(&self) -> MachineId {
        self.free.last().copied().unwrap_or(self.places.len().max(1) as MachineId)
    }

    /// Puts a value where nobody is.
    pub fn insert(&mut self, id: MachineId, value: T) {
        if self.free.last() == Some(&id) {
            self.free.pop();
        }
        if place(id) >= self.places.len() {
            self.places.resize_with(place(id) + 1, || None);
        }
        self.len += usize::from(self.places[place(id)].replace((id, value)).is_none());
    }

    pub fn get(&self, id: MachineId) -> Option<&T> {
        let (own, value) = self.places.get(place(id))?.as_ref()?;
        (*own == id).then_some(value)
    }

    pub fn get_mut(&mut self, id: MachineId) -> Option<&mut T> {
        let (own, value) = self.places.get_mut(place(id))?.as_mut()?;
        (*own == id).then_some(value)
    }

    pub fn remove(&mut self, id: MachineId) -> Option<T> {
        let (_, value) = self.places.get_mut(place(id))?.take_if(|(own, _)| *own == id)?;
        self.len -= 1;
        self.free.push(id.wrapping_add(1 << 32));
        Some(value)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn iter(&self) -> impl Iterator<Item = (MachineId, &T)> {
        self.places.iter().flatten().map(|(id, value)| (*id, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_a_number_never() {
        let mut table = Table::default();
        let enter = |table: &mut Table<u32>, value| {
            let id = table.next();
            table.insert(id, value);
            id
        };
        let (first, second) = (enter(&mut table, 10), enter(&mut table, 20));
        assert!(first != 0 && first != second);
        assert_eq!(table.remove(first), Some(10));
        let third = enter(&mut table, 30);
        assert_eq!(place(third), place(first));
        assert!(table.get(first).is_none() && table.get_mut(first).is_none() && table.remove(first).is_none());
        assert_eq!((table.get(second), table.get(third), table.len()), (Some(&20), Some(&30), 2));
        assert_eq!(table.iter().map(|(id, _)| id).collect::<Vec<_>>(), [third, second]);
    }

    #[test]
    fn a_number_of_nobody_is_nobody() {
        let mut table = Table::<()>::default();
        for id in [0, 1, u64::MAX, 1 << 32] {
            assert!(table.get(id).is_none() && table.remove(id).is_none());
        }
    }
}
