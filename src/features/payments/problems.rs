//! What can go wrong with a payment, in the words of the API.
